import fc from 'fast-check';

/** One number of an IPv4 address as URLs may write it. */
const number = (value: number) =>
  fc.constantFrom(
    String(value),
    `0x${value.toString(16)}`,
    `0X${value.toString(16).toUpperCase()}`,
    `0x000${value.toString(16)}`,
    value === 0 ? '0' : `0${value.toString(8)}`,
    `000${value.toString(8)}`,
  );

/** Of one to four numbers; the last one takes the bits that are left: 127.0.0.1, 127.1, 0x7f000001. */
export function ipv4Spelling(address: number): fc.Arbitrary<string> {
  const octets = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
  return fc.integer({ min: 1, max: 4 }).chain((parts) => {
    const heads = octets.slice(0, parts - 1);
    const bits = 8 * (5 - parts);
    const tail = bits === 32 ? address >>> 0 : address & (2 ** bits - 1);
    return fc
      .tuple(...[...heads, tail].map(number), fc.constantFrom('.', '。', '．'), fc.boolean(), fc.boolean())
      .map((all) => {
        const numbers = all.slice(0, parts) as string[];
        const [dot, isWide, hasDotAtEnd] = all.slice(parts) as [string, boolean, boolean];
        const text = numbers.join(dot) + (hasDotAtEnd ? '.' : '');
        return isWide ? wide(text) : text;
      });
  });
}

/** Full-width letters, which are read as the plain ones. */
const wide = (text: string) =>
  text.replaceAll(/[0-9a-zA-Z]/g, (letter) => String.fromCodePoint(letter.charCodeAt(0) + 0xfee0));

/** Eight groups, in either case, padded or not, with one run of zeros left out or not, the end dotted or not. */
export function ipv6Spelling(groups: readonly number[]): fc.Arbitrary<string> {
  return fc
    .record({ isUpper: fc.boolean(), isPadded: fc.boolean(), isShort: fc.boolean(), isDotted: fc.boolean() })
    .map(({ isUpper, isPadded, isShort, isDotted }) => {
      const texts = groups.map((group) => group.toString(16).padStart(isPadded ? 4 : 1, '0'));
      const [high = 0, low = 0] = groups.slice(6);
      if (isDotted) texts.splice(6, 2, [high >> 8, high & 255, low >> 8, low & 255].join('.'));
      const zeros = /^(0+)$/;
      let start = texts.findIndex((text) => zeros.test(text));
      let end = start;
      while (end >= 0 && end < texts.length && zeros.test(texts[end]!)) end++;
      if (!isShort || start < 0) [start, end] = [-1, -1];
      const text = start < 0 ? texts.join(':') : `${texts.slice(0, start).join(':')}::${texts.slice(end).join(':')}`;
      return isUpper ? text.toUpperCase() : text;
    });
}
