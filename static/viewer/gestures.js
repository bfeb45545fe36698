// Gestures of mouse, pen and fingers on the stage.

const RIGHT = 2;

/**
 * Call back for each gesture.
 * @param stage where
 * @param view a View, which is moved and zoomed
 * @param setsGreys tells whether dragging sets the greys
 * @param drag is called with how far greys are dragged
 */
export function listen(stage, view, setsGreys, drag) {
  const pointers = new Map();

  const fromMiddle = ({ x, y }) => {
    const { left, top, width, height } = stage.getBoundingClientRect();
    return [x - left - width / 2, y - top - height / 2];
  };
  const spread = () => {
    const [one, other] = [...pointers.values()];
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, apart: Math.hypot(one.x - other.x, one.y - other.y) };
  };
  const pinch = move => {
    const before = spread();
    move();
    const after = spread();
    view.moveBy(after.x - before.x, after.y - before.y);
    view.zoomBy(after.apart / Math.max(before.apart, 1), ...fromMiddle(after));
  };

  stage.addEventListener('pointerdown', event => {
    if (pointers.size > 1 || event.button === 1) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, greys: event.button === RIGHT || setsGreys() });
    stage.classList.add('dragged');
  });
  stage.addEventListener('pointermove', event => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const move = () => Object.assign(last, { x: event.clientX, y: event.clientY });
    if (pointers.size === 2) return pinch(move);
    move();
    if (last.greys) drag(dx, dy);
    else view.moveBy(dx, dy);
  });
  for (const end of ['pointerup', 'pointercancel']) {
    stage.addEventListener(end, event => {
      pointers.delete(event.pointerId);
      stage.classList.toggle('dragged', pointers.size > 0);
    });
  }

  stage.addEventListener('wheel', event => {
    // A page that is scrolled past the film must not stop at it.
    const meant = event.ctrlKey || stage.contains(document.activeElement);
    if (!meant || (event.deltaY > 0 && view.zoom === 1 && !event.ctrlKey)) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    view.zoomBy(Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 100 : 400)), ...fromMiddle(event));
  }, { passive: false });
  stage.addEventListener('dblclick', event => view.zoomBy(2, ...fromMiddle(event)));
  stage.addEventListener('contextmenu', event => event.preventDefault());
}
