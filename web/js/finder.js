// Searching lists: all the words of a search field, in any order and in any case.

/** A filter of the items whose textOf(item) has all words of `sought`; without words every item passes. */
export function finder(sought, textOf) {
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  return (item) => {
    if (words.length === 0) return true;
    const text = textOf(item).toLowerCase();
    return words.every((word) => text.includes(word));
  };
}
