// Format and size from the first bytes of a file, before it is sent. The server decides (xray/io/image.py).

import { fill, sizeInWords } from './wording.js';

const STARTS = [
  // The elements that begin a file without preamble.
  ['DICOM', /^(\x02\0[\0-\x16]\0(OB|UI|UL)|\x08\0[\0-\x20]\0([A-Z]{2}|[\0-\x40]\0\0\0)|\0\x08\0[\0-\x20][A-Z]{2})/],
  ['PNG', /^\x89PNG\r\n\x1a\n/],
  ['JPEG', /^\xff\xd8\xff/],
  ['GIF', /^GIF8[79]a/],
  ['WebP', /^RIFF[^]{4}WEBP/],
  ['TIFF', /^(II[*+]\0|MM\0[*+])/],
  ['BMP', /^BM[^]{4}\0{4}/],
  ['SVG', /^\s*(<\?xml[^]*)?<svg\b/],
  ['PDF', /^%PDF-/],
  ['JPEG 2000', /^(\0\0\0\x0cjP {2}|\xff\x4f\xff\x51)/],
  ['AVIF', /^[^]{4}ftyp(avi|(mif|msf)[^]([^]{4}){0,20}?avi)/],
  ['HEIC', /^[^]{4}ftyp(hei|hev|mif|msf)/],
  ['JPEG XL', /^(\0\0\0\x0cJXL |\xff\x0a)/],
  ['ZIP', /^PK\x03\x04/],
];
const START_BYTES = 512;
const READ_HERE = ['PNG', 'JPEG', 'DICOM', 'TIFF', 'BMP', 'WebP', 'AVIF'];
const NOT_SHOWN = ['DICOM', 'TIFF'];

/**
 * Tell a file's type, and of a PNG its size in pixels.
 *
 * @param {File} file
 * @returns {Promise<{type: string, read: boolean, deep: boolean, width?: number, height?: number}>} type is empty for
 *   what begins like nothing known; read: whether the server reads that type; deep: whether a browser cannot show it.
 */
export async function factsOf(file) {
  const bytes = new DataView(await file.slice(0, START_BYTES).arrayBuffer());
  const text = String.fromCharCode(...new Uint8Array(bytes.buffer));
  const type = text.slice(128, 132) === 'DICM' ? 'DICOM' : STARTS.find(([, start]) => start.test(text))?.[0] ?? '';
  const facts = { type, read: READ_HERE.includes(type), deep: NOT_SHOWN.includes(type) };
  // PNG, section 11.2.2: the first chunk holds width, height and the bits of a sample.
  if (type !== 'PNG' || bytes.byteLength < 25) return facts;
  return { ...facts, deep: bytes.getUint8(24) === 16, width: bytes.getUint32(16), height: bytes.getUint32(20) };
}

/** Return why the server will refuse a file, as far as the browser can tell; undefined where it will not. */
export function objectionTo(file, facts, limits, words) {
  if (!file.size) return words.empty;
  if (!facts.read) return fill(facts.type ? words.wrong_type : words.no_picture, facts);
  if (file.size > limits.bytes) {
    return fill(words.too_heavy, { size: sizeInWords(file.size), limit: sizeInWords(limits.bytes) });
  }
  return facts.width ? objectionToPixels(facts, limits, words) : '';
}

export function objectionToPixels({ width, height }, limits, words) {
  if (width * height > limits.pixels) return fill(words.too_many_pixels, { width, height, limit: limits.pixels / 1e6 });
  return Math.min(width, height) < limits.side ? fill(words.too_few_pixels, { width, height, limit: limits.side }) : '';
}
