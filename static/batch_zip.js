// Zip archives opened in the browser: only the central directory and one file at a time are read, so that an archive
// of any size can be sent file by file. The server checks each file again.

const START = 132; // bytes that tell a zip from a DICOM file that imitates one
const END_BYTES = 22, MOST_REMARK = 65_535, DIRECTORY_BYTES = 2 ** 20;
const SMALL_BYTES = 2 ** 20, LARGEST_RATIO = 100;
const STORED = 0, DEFLATED = 8;
const JUNK = new Set(['__MACOSX', 'Thumbs.db', 'desktop.ini', 'DICOMDIR']);
const UTF_8 = 0x800, ZIP64 = 1, UNICODE_PATH = 0x7075;
const FULL = 2 ** 32 - 1; // of 32 bits: the value stands in the field ZIP64
// The upper half of code page 850, which browsers do not know.
const CP850 = 'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀'
  + 'ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0';
const WIDE = '\u3040-\u30ff\u4e00-\u9fff々';

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
  return [0x504b0304, 0x504b0506].includes(mark(0)) && mark(128) !== 0x4449434d;
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
    if (at + 46 + nameBytes + extraBytes > size) throw new Refusal('damaged');
    const name = new Uint8Array(view.buffer, at + 46, nameBytes);
    const fields = fieldsOf(view, at + 46 + nameBytes, extraBytes);
    const large = fields.get(ZIP64);
    let used = 0;
    const whole = (offset) => {
      const value = view.getUint32(at + offset, true);
      if (value !== FULL || !large || large.byteLength < used + 8) return value;
      used += 8;
      return Number(large.getBigUint64(used - 8, true));
    };
    const [bytes, packedBytes, start] = [whole(24), whole(20), whole(42)];
    found.push({
      name, said: unicodePath(fields.get(UNICODE_PATH), name), dos: view.getUint8(at + 5) === 0,
      flags: view.getUint16(at + 8, true), method: view.getUint16(at + 10, true),
      packed: packedBytes, size: bytes, mode: view.getUint32(at + 38, true) >>> 16, start: prefix + start,
    });
    at += 46 + nameBytes + extraBytes + remarkBytes;
  }
  const unsaid = found.filter(entry => !(entry.flags & UTF_8));
  const decode = decoderOf(unsaid.map(entry => entry.name), unsaid.some(entry => entry.dos));
  for (const entry of found) {
    const path = entry.flags & UTF_8 ? new TextDecoder().decode(entry.name) : entry.said || decode(entry.name);
    entry.path = path.split('\0')[0].replaceAll('\\', '/');
  }
  const files = found.filter(({ path }) => !path.endsWith('/') && !passedOver(path));
  if (!files.length) throw new Refusal('no_files');
  if (files.length > count) throw new Refusal('too_many');
  return files.map(entry => ({ path: entry.path, open: () => opened(zip, entry, largest) }));
}

async function directoryOf(zip) {
  const tailStart = Math.max(0, zip.size - END_BYTES - MOST_REMARK - 76);
  const view = await viewOf(zip.slice(tailStart));
  let at = view.byteLength - END_BYTES;
  while (at >= 0 && view.getUint32(at) !== 0x504b0506) at -= 1;
  if (at < 0) throw new Refusal('damaged');
  let [size, start, end] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true), at];
  if (at >= 76 && view.getUint32(at - 20) === 0x504b0607) {
    if (view.getUint32(at - 76) !== 0x504b0606) throw new Refusal('zip64');
    [size, start] = [40, 48].map(offset => Number(view.getBigUint64(at - 76 + offset, true)));
    end = at - 76;
  }
  const prefix = tailStart + end - size - start; // what stands before an archive that unpacks itself
  if (prefix < 0) throw new Refusal('damaged');
  return { start: start + prefix, size, prefix };
}

async function opened(zip, entry, largest) {
  const { path, flags, method, packed, size, mode } = entry;
  if (path.startsWith('/') || path.split('/').includes('..') || /^[a-z]:/i.test(path)) throw new Refusal('leads_out');
  if (mode & 0o170000 && (mode & 0o170000) !== 0o100000) throw new Refusal('no_file');
  if (flags & 0x41) throw new Refusal('encrypted');
  if (method !== STORED && method !== DEFLATED) throw new Refusal('method');
  if (size > largest) throw new Refusal('too_large', { size: mib(size) });
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

/** A size for a message, as the server writes it: a file just above a limit must not look equal to it. */
export function mib(size) {
  return Math.ceil((size / 2 ** 20) * 10) / 10;
}

/** The extra fields of an entry: a view of each, by its number. */
function fieldsOf(view, start, bytes) {
  const fields = new Map();
  for (let at = start; at + 4 <= start + bytes;) {
    const size = Math.min(view.getUint16(at + 2, true), start + bytes - at - 4);
    fields.set(view.getUint16(at, true), new DataView(view.buffer, at + 4, size));
    at += 4 + size;
  }
  return fields;
}

function unicodePath(field, name) {
  if (!field || field.byteLength < 5 || field.getUint32(1, true) !== crc32(name)) return '';
  return new TextDecoder().decode(new Uint8Array(field.buffer, field.byteOffset + 5, field.byteLength - 5));
}

function crc32(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

/** Guess the encoding of all names of an archive together, as xray/io/zips.py does, and return what decodes one. */
export function decoderOf(names, dos) {
  const all = new Uint8Array(names.flatMap(name => [...name, 47]));
  for (const encoding of ['utf-8', 'gbk', 'shift_jis']) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(all);
      const hanzi = encoding !== 'gbk' || !/[\x80-\xff]/.test(bytewise(all).replace(/(?:[\xb0-\xf7][\xa1-\xfe])+/g, ''));
      if (encoding === 'utf-8' || (hanzi && isEastAsian(text))) return name => new TextDecoder(encoding).decode(name);
    } catch {
      // Not in this encoding.
    }
  }
  const cp850 = name => bytewise(name).replace(/[\x80-\xff]/g, letter => CP850[letter.charCodeAt() - 128]);
  const [dosLetters, latinLetters] = [cp850, bytewise].map(decode => letters(decode(all)));
  return dosLetters > latinLetters || (dosLetters === latinLetters && dos) ? cp850 : bytewise;
}

const bytewise = bytes => Array.from(bytes, byte => String.fromCharCode(byte)).join('');

function isEastAsian(text) {
  const [run, alone] = [`[${WIDE}]{2}`, `[A-Za-z][${WIDE}]|[${WIDE}][A-Za-z]`].map(each => new RegExp(each));
  return run.test(text) || (new RegExp(`[${WIDE}]`).test(text) && !alone.test(text));
}

/** The number of small letters with accents, less what is no letter. */
function letters(text) {
  const others = text.match(/[\u0080-\uffff]/g) ?? [];
  return others.reduce((sum, each) => sum + /\p{Lowercase}/u.test(each) - !/\p{Alphabetic}/u.test(each), 0);
}

async function viewOf(blob) {
  return new DataView(await blob.arrayBuffer());
}
