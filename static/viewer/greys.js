// Grey levels of the radiograph, of 8 or 16 bits, and the window that shows a range of them.

/** A radiograph drawn on a canvas through a window. */
export class Greys {
  #canvas; #film; #curve; #loading; #levels; #picture; #shades;

  /**
   * @param canvas where it is drawn
   * @param film { address, deep: whether the picture packs 16 bits, curve: greys from the window's black to its white }
   */
  constructor(canvas, film) {
    this.#canvas = canvas;
    this.#film = film;
    this.#curve = film.curve.length > 1 ? film.curve : [0, 255];
  }

  /** Fetch the levels, once; fails where the browser lets no page read a picture. */
  load() {
    this.#loading ??= this.#read();
    return this.#loading;
  }

  /** Draw the film with black at one level and below, and white at another and above. */
  show(low, high) {
    const table = this.#table(low, Math.max(high, low + 1e-6));
    const { data } = this.#picture;
    const shades = (this.#shades ??= new Uint32Array(data.buffer));
    for (let i = 0; i < shades.length; i++) shades[i] = table[this.#levels[i]];
    this.#canvas.getContext('2d').putImageData(this.#picture, 0, 0);
  }

  /** Work out the shade of every level: no film has as many levels as pixels. */
  #table(low, high) {
    const table = new Uint32Array(this.#film.deep ? 65536 : 256);
    const last = this.#curve.length - 1;
    for (let level = 0; level < table.length; level++) {
      const at = Math.min(Math.max((level - low) / (high - low), 0), 1) * last;
      const before = Math.min(Math.floor(at), last - 1);
      const grey = Math.round(this.#curve[before] + (at - before) * (this.#curve[before + 1] - this.#curve[before]));
      table[level] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
    }
    return table;
  }

  async #read() {
    const answer = await fetch(this.#film.address);
    if (!answer.ok) throw new Error(`${this.#film.address}: ${answer.status}`);
    const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: 'none' });
    const { width, height } = bitmap;
    Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    this.#picture = context.getImageData(0, 0, width, height);
    this.#levels = unpack(this.#picture.data, this.#film.deep);
  }
}

/** Return levels from colours: of a deep radiograph the high byte, the low byte and nothing; of others the grey. */
function unpack(colours, deep) {
  const levels = new Uint16Array(colours.length / 4);
  let unlike = 0;
  for (let i = 0, at = 0; i < levels.length; i++, at += 4) {
    const [red, green, blue] = [colours[at], colours[at + 1], colours[at + 2]];
    levels[i] = deep ? (red << 8) | green : red;
    unlike += deep ? blue : (red ^ green) | (red ^ blue);
  }
  // Some browsers scramble what a page reads, so that it cannot know them again by how they draw.
  if (unlike) throw new Error('The pixels are not those of the film.');
  return levels;
}
