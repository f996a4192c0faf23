// RFC 7396, JSON Merge Patch.

/** The merge patch that makes `before` into `after`, both objects: null for what is gone, {} where they are alike. */
export function mergePatch(before, after) {
  const patch = {};
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const old = before[key];
    if (Array.isArray(value)) {
      if (JSON.stringify(value) !== JSON.stringify(old)) patch[key] = value;
    } else if (value !== null && typeof value === 'object' && old !== null && typeof old === 'object') {
      const inner = mergePatch(old, value);
      if (Object.keys(inner).length) patch[key] = inner;
    } else if (value !== old) {
      patch[key] = value;
    }
  }
  return patch;
}
