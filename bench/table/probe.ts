/** Preloaded into each measured process: answers its parent with the processor time and memory it has used, and with where that went. */
import { profile, type Shares } from './profile.js'

let end: (() => Promise<Shares>) | undefined

process.on('message', question => {
  answer(question).catch((error: unknown) => { throw error })
})
process.channel?.unref()

async function answer (question: unknown): Promise<void> {
  if (question === 'usage') {
    const { user, system } = process.cpuUsage()
    process.send?.({ usage: { cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 2 ** 20, peakMb: process.resourceUsage().maxRSS / 1024 } })
  } else if (question === 'profile') {
    end = await profile()
    process.send?.({ profiling: true })
  } else if (question === 'shares') {
    process.send?.({ shares: await end?.() })
  }
}
