// Sentences of the page with values filled in, and file sizes, in the page's language.

const { lang } = document.documentElement;
const plain = new Intl.NumberFormat(lang, { useGrouping: false });

/** Fill {names} in a sentence with values. */
export function fill(sentence, values) {
  const write = value => (typeof value === 'number' ? plain.format(value) : value);
  return sentence.replace(/\{(\w+)\}/g, (_, name) => write(values[name]));
}

/** Format a size, such as 34 KiB or 1.2 MiB, rounded up: one just above a limit must not look equal to it. */
export function sizeInWords(bytes) {
  const [unit, divisor, steps] = bytes < 2 ** 20 ? ['KiB', 2 ** 10, 1] : ['MiB', 2 ** 20, 10];
  return `${new Intl.NumberFormat(lang).format(Math.ceil((bytes / divisor) * steps) / steps)} ${unit}`;
}
