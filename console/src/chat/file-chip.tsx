import { client } from '../api.js'
import { nameOr } from '../format.js'
import { hrefTo } from '../router.js'
import { Icon } from '../ui/icon.js'
import { useLoad } from '../ui/load.js'

/** The name of a file, or its id where the file is not there any more. */
export const fileName = async (id: string): Promise<string> => await client.value.files.retrieve(id).then(({ filename }) => nameOr(filename, id), () => id)

/** A file by its name, with the way to it. */
export function FileChip ({ id }: { id: string }) {
  const { data } = useLoad(async () => await fileName(id), [id])
  return <a class='chip' href={hrefTo('data', 'files', id)}><Icon name='file' /><span class='chip-name' dir='auto'>{data ?? id}</span></a>
}
