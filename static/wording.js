// Sentences of the page with values filled in, and file sizes, in the page's language.

const { lang } = document.documentElement;
const plain = new Intl.NumberFormat(lang, { useGrouping: false });

/** Fill {names} in a sentence with values. */
export function fill(sentence, values) {
  const write = value => (typeof value === 'number' ? plain.format(value) : value);
  return sentence.replace(/\{(\w+)\}/g, (_, name) => write(values[name]));
}

/** Format a size, such as 34 kB or 1.2 MB; a MB has 1024 × 1024 bytes, as in the limit on the page. */
export function sizeInWords(bytes) {
  const [unit, divisor, decimals] = bytes < 2 ** 20 ? ['kilobyte', 2 ** 10, 0] : ['megabyte', 2 ** 20, 1];
  const style = { style: 'unit', unit, maximumFractionDigits: decimals };
  return new Intl.NumberFormat(lang, style).format(bytes && Math.max(bytes / divisor, 1));
}
