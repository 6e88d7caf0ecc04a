/**
 * A plugin under a name that Fastify shows in its messages. For one without, it compares the function with what each module exports that was
 * loaded by `require`, in every registration.
 */
export function named<P extends object> (name: string, plugin: P): P {
  return Object.assign(plugin, { [Symbol.for('fastify.display-name')]: name })
}
