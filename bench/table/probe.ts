/** Preloaded into each measured process: answers its parent with the processor time and memory it has used. */
process.on('message', question => {
  if (question !== 'usage') return
  const { user, system } = process.cpuUsage()
  process.send?.({ usage: { cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 2 ** 20, peakMb: process.resourceUsage().maxRSS / 1024 } })
})
process.channel?.unref()
