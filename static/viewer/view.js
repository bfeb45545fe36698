// The visible part of the radiograph: zoom and offset.

const LARGEST = 10;

export class View {
  #stage; #layers; #tell; #zoom = 1; #x = 0; #y = 0;

  /**
   * @param stage what the film is seen through
   * @param layers the film and what lies on it, in the middle of the stage
   * @param tell is told the zoom whenever it may have changed
   */
  constructor(stage, layers, tell) {
    [this.#stage, this.#layers, this.#tell] = [stage, layers, tell];
    new ResizeObserver(() => this.moveBy(0, 0)).observe(stage);
    this.moveBy(0, 0);
  }

  get zoom() { return this.#zoom; }

  /** Zoom about a point, which is measured from the middle of the stage. */
  zoomBy(factor, x = 0, y = 0) {
    const zoom = Math.min(Math.max(this.#zoom * factor, 1), LARGEST);
    const ratio = zoom / this.#zoom;
    this.#zoom = zoom;
    this.moveBy((1 - ratio) * (x - this.#x), (1 - ratio) * (y - this.#y));
  }

  /** Move the film, but not out of sight. */
  moveBy(dx, dy) {
    const room = side => Math.max((this.#layers[side] * this.#zoom - this.#stage[side]) / 2, 0);
    const within = (value, most) => Math.min(Math.max(value, -most), most);
    this.#x = within(this.#x + dx, room('offsetWidth'));
    this.#y = within(this.#y + dy, room('offsetHeight'));
    this.#layers.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#zoom})`;
    this.#layers.style.setProperty('--zoom', this.#zoom); // lines stay as thin as they are
    this.#stage.classList.toggle('zoomed', this.#zoom > 1);
    this.#tell(this.#zoom);
  }

  reset() {
    [this.#zoom, this.#x, this.#y] = [1, 0, 0];
    this.moveBy(0, 0);
  }
}
