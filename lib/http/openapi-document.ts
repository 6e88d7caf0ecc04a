/** As much of an OpenAPI document as is read and changed here. */
export interface OpenApiDocument {
  paths: Record<string, Record<string, OpenApiOperation>>
  components: { schemas: Record<string, JsonSchema> }
}

export interface OpenApiOperation {
  operationId: string
  requestBody?: { required: boolean, content: Content }
  responses: Record<string, { description: string, content?: Content }>
}

type Content = Record<string, { schema: JsonSchema }>

/** A JSON Schema as it stands in a document. */
export interface JsonSchema {
  type?: string
  required?: string[]
  properties?: Record<string, JsonSchema>
  [keyword: string]: unknown
}
