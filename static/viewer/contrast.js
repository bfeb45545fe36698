// Brightness and contrast, each from -100 to 100, and the window of grey levels that they set.

const HALVES = 25; // so much more contrast halves the window
const PIXELS = 400; // dragged so far, the film gets brighter by one window

export class Contrast {
  brightness = 0; contrast = 0;
  #low; #whole; #middle; #width;

  /** @param film { low, high: the window as the film came, curve: the greys between, empty where they rise evenly } */
  constructor({ low, high, curve }) {
    this.#low = low;
    this.#whole = high - low;
    // Of a curve, as of a line, people want to hear where mid-grey lies and how steep it is there.
    this.#middle = crossing(curve, 127.5);
    this.#width = (this.#whole * (crossing(curve, 159.5) - crossing(curve, 95.5)) * 255) / 64;
  }

  /** Whether the film is shown as it came. */
  get plain() { return !this.brightness && !this.contrast; }

  /** Level and width as people know them, and the levels that become black and white. */
  get window() {
    const level = this.#low + this.#middle * this.#whole - (this.brightness / 100) * this.#width;
    const low = level - this.#share * this.#middle * this.#whole;
    return { level, width: this.#share * this.#width, low, high: low + this.#share * this.#whole };
  }

  set(brightness, contrast) {
    const within = value => Math.min(Math.max(value, -100), 100);
    [this.brightness, this.contrast] = [within(brightness), within(contrast)];
  }

  /** Change both; brightness in parts of what is shown, so that it does not leap where that is little. */
  change(brightness, contrast) {
    this.set(this.brightness + brightness * this.#share, this.contrast + contrast);
  }

  /** Follow a pointer: to the right the window widens, as radiologists know it, and upwards it gets brighter. */
  drag(dx, dy) { this.change((-100 * dy) / PIXELS, -dx / 4); }

  get #share() { return 2 ** (-this.contrast / HALVES); }
}

/** Return where, from 0 to 1, a curve reaches a grey. */
function crossing(curve, grey) {
  const after = curve.findIndex(each => each >= grey);
  if (after < 1) return grey / 255;
  const before = after - 1;
  return (before + (grey - curve[before]) / (curve[after] - curve[before])) / (curve.length - 1);
}
