// Zip archives opened in the browser: only the central directory and one file at a time are read, so that an archive
// of any size can be sent file by file. The server checks each file again.

const START = 132; // bytes that tell a zip from a DICOM file that imitates one
const END_BYTES = 22, MOST_REMARK = 65_535, DIRECTORY_BYTES = 2 ** 20;
const SMALL_BYTES = 2 ** 20, LARGEST_RATIO = 100;
const STORED = 0, DEFLATED = 8;
const JUNK = new Set(['__MACOSX', 'Thumbs.db', 'desktop.ini']);

/** Whether this browser can unpack zips. */
export const canUnpack = (() => {
  try {
    return Boolean(new DecompressionStream('deflate-raw'));
  } catch {
    return false;
  }
})();

/** A refusal: the key of one of the page's sentences with its values, or the words of the server. */
export class Refusal extends Error {
  constructor(word, values = {}, said = undefined) {
    super(word);
    Object.assign(this, { values, said });
  }
}

/** Whether a file is hidden, or one that operating systems create in folders. */
export function passedOver(path) {
  return path.split(/[/\\]/).some(part => (part.startsWith('.') && part !== '..') || JUNK.has(part));
}

export async function isZip(file) {
  const view = await viewOf(file.slice(0, START));
  const mark = at => (view.byteLength >= at + 4 ? view.getUint32(at) : 0);
  return mark(0) === 0x504b0304 && mark(128) !== 0x4449434d;
}

/** List the files of an archive, each with a function that opens it; throws a Refusal where that is impossible. */
export async function members(zip, { count, largest }) {
  const { start, size, prefix } = await directoryOf(zip);
  if (size > DIRECTORY_BYTES) throw new Refusal('too_many');
  const view = await viewOf(zip.slice(start, start + size));
  const found = [];
  for (let at = 0; at < size;) {
    if (at + 46 > size || view.getUint32(at) !== 0x504b0102) throw new Refusal('damaged');
    const [nameBytes, extraBytes, remarkBytes] = [28, 30, 32].map(offset => view.getUint16(at + offset, true));
    const entry = {
      flags: view.getUint16(at + 8, true), method: view.getUint16(at + 10, true),
      packed: view.getUint32(at + 20, true), size: view.getUint32(at + 24, true),
      mode: view.getUint32(at + 38, true) >>> 16, start: prefix + view.getUint32(at + 42, true),
    };
    if (at + 46 + nameBytes > size) throw new Refusal('damaged');
    entry.path = decoded(new Uint8Array(view.buffer, at + 46, nameBytes), entry.flags).replaceAll('\\', '/');
    if (!entry.path.endsWith('/') && !passedOver(entry.path)) found.push(entry);
    at += 46 + nameBytes + extraBytes + remarkBytes;
  }
  if (found.length > count) throw new Refusal('too_many');
  return found.map(entry => ({ path: entry.path, open: () => opened(zip, entry, largest) }));
}

async function directoryOf(zip) {
  const tailStart = Math.max(0, zip.size - END_BYTES - MOST_REMARK - 20);
  const view = await viewOf(zip.slice(tailStart));
  let at = view.byteLength - END_BYTES;
  while (at >= 0 && view.getUint32(at) !== 0x504b0506) at -= 1;
  if (at < 0) throw new Refusal('damaged');
  if (at >= 20 && view.getUint32(at - 20) === 0x504b0607) throw new Refusal('zip64');
  const [size, start] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
  const prefix = tailStart + at - size - start; // what stands before an archive that unpacks itself
  if (prefix < 0) throw new Refusal('damaged');
  return { start: start + prefix, size, prefix };
}

async function opened(zip, entry, largest) {
  const { path, flags, method, packed, size, mode } = entry;
  if (path.startsWith('/') || path.split('/').includes('..') || /^[a-z]:/i.test(path)) throw new Refusal('leads_out');
  if (mode & 0o170000 && (mode & 0o170000) !== 0o100000) throw new Refusal('no_file');
  if (flags & 0x41) throw new Refusal('encrypted');
  if (method !== STORED && method !== DEFLATED) throw new Refusal('method');
  if (size > largest) throw new Refusal('too_large', { size: Math.ceil(size / 2 ** 20) });
  if (size > Math.max(SMALL_BYTES, LARGEST_RATIO * packed)) throw new Refusal('ratio');
  const view = await viewOf(zip.slice(entry.start, entry.start + 30));
  if (view.byteLength < 30 || view.getUint32(0) !== 0x504b0304) throw new Refusal('damaged_member');
  const start = entry.start + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const content = zip.slice(start, start + packed);
  const whole = method === STORED ? content : await inflated(content, size);
  if (whole.size !== size) throw new Refusal('damaged_member');
  return whole;
}

/** Unpack a file, and stop where it is larger than the archive declares. */
async function inflated(content, size) {
  const reader = content.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const pieces = [];
  let length = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces.push(piece.value);
      length += piece.value.length;
      if (length > size) break;
    }
  } catch {
    throw new Refusal('damaged_member');
  }
  if (length > size) reader.cancel().catch(() => {});
  return new Blob(pieces);
}

function decoded(bytes, flags) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder(flags & 0x800 ? 'utf-8' : 'windows-1252').decode(bytes);
  }
}

async function viewOf(blob) {
  return new DataView(await blob.arrayBuffer());
}
