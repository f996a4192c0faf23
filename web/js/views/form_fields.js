// A field for each setting, made from what the daemon says of it: GET /v1/settings is the one list of settings.

import {h, setAttribute, setText} from '../dom.js';
import {metadataRows} from './labels_edit.js';

const readPath = (object, path) => path.split('.').reduce((o, key) => o?.[key], object);

export function writePath(object, path, value) {
  const keys = path.split('.');
  const last = keys.pop();
  keys.reduce((o, key) => (o[key] ??= {}), object)[last] = value;
}

const isNumeric = ({type}) => type === 'integer' || type === 'number';

const MOST = 1e6;  // a limit beyond is there for the daemon's sake

/** "0 to 100", "above 0, at most 100" */
function rangeText({minimum: from, maximum: to, exclusive_minimum: above, exclusive_maximum: below}) {
  if (from === null || to === null || to > MOST) return '';
  return above || below ? `${above ? 'above' : 'at least'} ${from}, ${below ? 'below' : 'at most'} ${to}` : `${from} to ${to}`;
}

/** What a training starts from as one word: "shirts@3", "job_7@step_40", or "". */
export const sourceText = ({model, job, checkpoint, file}) => model ?? file ?? (job ? `${job}${checkpoint ? `@${checkpoint}` : ''}` : '');

/** And back. */
export function sourceOf(text) {
  const [, job, checkpoint] = /^(job_\d+)(?:@(.*))?$/.exec(text) ?? [];
  if (job) return checkpoint ? {job, checkpoint} : {job};
  return text ? {model: text} : {};
}

/** {element, value(), set(value)} */
function control(row, id, lists) {
  const described = {id, name: row.path, 'aria-describedby': `${id}-hint ${id}-fault`};
  if (row.type === 'metadata') {
    let rows = metadataRows({});
    const element = h('div', {id, role: 'group', 'aria-label': row.title}, rows.element);
    return {element, value: () => rows.value(), set: (value) => {
      rows = metadataRows(value ?? {});
      element.replaceChildren(rows.element);
    }};
  }
  if (row.type === 'boolean') {
    const input = h('input', {type: 'checkbox', ...described});
    return {element: input, value: () => input.checked, set: (value) => { input.checked = Boolean(value); }};
  }
  const options = lists[row.type] ?? (row.choices ?? []).map((c) => ({id: c, title: c}));
  if (row.choices || lists[row.type]) {
    const input = h('select', described, options.map((o) => h('option', {value: o.id}, o.title)));
    return {element: input, value: () => input.value, set: (value) => {
      // What was chosen once may be gone; it stays to be seen, and the daemon says what is wrong with it.
      if (![...input.options].some((o) => o.value === value)) input.append(h('option', {value}, value));
      input.value = value;
    }};
  }
  if (row.type === 'numbers') {
    const input = h('input', {type: 'text', autocomplete: 'off', ...described});
    return {element: input, set: (value) => { input.value = Array.isArray(value) ? value.join(', ') : value ?? ''; }, value: () => {
      const parts = input.value.split(/[\s,;]+/).filter(Boolean);
      return parts.every((p) => Number.isFinite(Number(p))) ? parts.map(Number) : input.value;
    }};
  }
  if (row.type === 'blocks') {
    const input = h('input', {type: 'text', autocomplete: 'off', ...described});
    return {element: input, set: (value) => { input.value = Object.keys(value ?? {}).length ? JSON.stringify(value) : ''; }, value: () => {
      // What is no JSON goes to the daemon as text, which says what it wants.
      try { return input.value.trim() ? JSON.parse(input.value) : {}; } catch { return input.value; }
    }};
  }
  if (row.type === 'init_from') {
    const input = h('input', {type: 'text', autocomplete: 'off', placeholder: 'shirts@3 or job_7@best', list: `${id}-known`, ...described});
    const known = h('datalist', {id: `${id}-known`}, (lists.models ?? []).map((value) => h('option', {value})));
    let given = {};
    return {element: input, beside: known, set: (value) => {
      given = value ?? {};
      input.value = sourceText(given);
    }, value: () => {
      const text = input.value.trim();
      // Untouched, it is exact: a clone starts from the same bytes.
      return text === sourceText(given) ? given : sourceOf(text);
    }};
  }
  // A text field even for numbers: what cannot be read as one goes to the daemon, which says so.
  const input = h('input', {type: 'text', inputmode: isNumeric(row) ? 'decimal' : 'text', autocomplete: 'off', ...described});
  return {element: input, set: (value) => { input.value = value ?? ''; }, value: () => {
    const text = input.value.trim();
    if (!isNumeric(row)) return input.value;
    return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
  }};
}

/** The form takes a model in one word; how a job file says it stands in the description. */
const about = ({type, description}) => (type === 'init_from' ? description.replace(/: \{.*/, '') : description);

/** One field with its label, its hint and its fault. */
function field(row, id, lists) {
  const made = control(row, id, lists);
  const fault = h('span', {class: 'fault', id: `${id}-fault`});
  const hint = [about(row), row.type === 'numbers' && 'numbers with commas between', isNumeric(row) && rangeText(row)].filter(Boolean).join('; ');
  const label = row.type === 'metadata' ? h('span', {class: 'label'}, row.title) : h('label', {for: id}, row.title);
  const element = h('div', {class: 'field', 'data-path': row.path}, label, made.element, made.beside, h('span', {class: 'hint', id: `${id}-hint`}, hint), fault);
  return {row, element, value: made.value, set: made.set, isWrong: () => fault.textContent !== '', showFault(detail) {
    setText(fault, detail ?? '');
    setAttribute(made.element, 'aria-invalid', detail ? 'true' : null);
  }, focus() {
    element.scrollIntoView({block: 'center'});
    made.element.focus({preventScroll: true});
  }};
}

/** Whether a field means something beside the values before it: those that `when` and `needs` speak of come first. */
function applies({when, needs}, values) {
  return Object.entries(when ?? {}).every(([path, allowed]) => allowed.includes(readPath(values, path)))
    && (needs === null || Number(readPath(values, needs)) > 0);
}

/** A part of the form; what few people ever change is folded away below the rest. */
function group(title) {
  const rest = h('details', {class: 'rare', hidden: true}, h('summary', {}, 'More settings'));
  const element = h('fieldset', {}, h('legend', {}, title), rest);
  return {element, add(row, field) {
    if (!row.rare) return rest.before(field);
    rest.hidden = false;
    rest.append(field);
  }};
}

/**
 * All fields in their groups: {element, values(), set(object), showFaults(errors) -> those without a field}.
 * `lists` has the options by type: {network: [{id, title}], dataset: […]}.
 */
export function formFields(rows, lists) {
  const groups = new Map();
  const fields = new Map();
  rows.forEach((row, i) => {
    const made = field(row, `field-${i}`, lists);
    fields.set(row.path, made);
    if (!groups.has(row.group)) groups.set(row.group, group(row.group));
    groups.get(row.group).add(row, made.element);
  });
  const element = h('div', {class: 'groups two-low'}, [...groups.values()].map((g) => g.element));
  const same = (value, row) => JSON.stringify(value) === JSON.stringify(row.default);
  const unfold = (f) => {
    const folded = f.element.closest('details');
    if (folded) folded.open = true;
  };
  /** What is entered; a field that means nothing beside the others has its default, and is out of sight. */
  function values() {
    const object = {};
    for (const [path, f] of fields) {
      const relevant = applies(f.row, object);
      f.element.hidden = !relevant;
      writePath(object, path, relevant ? f.value() : f.row.default);
    }
    return object;
  }
  element.addEventListener('input', values);
  return {
    element,
    fields,
    values,
    set(object) {
      for (const [path, f] of fields) f.set(readPath(object, path));
      const entered = values();
      for (const [path, f] of fields) if (f.row.rare && !same(readPath(entered, path), f.row)) unfold(f);
    },
    /** `errors` is [{pointer, detail}]; those that no field can show come back. What is folded away and wrong is shown. */
    showFaults(errors) {
      const left = new Map(errors.map((e) => [e.pointer.slice(1).replaceAll('/', '.'), e.detail]));
      for (const [path, f] of fields) {
        const own = [...left].filter(([p]) => p === path || p.startsWith(`${path}.`));
        own.forEach(([p]) => left.delete(p));
        f.showFault(own.map(([p, detail]) => (p === path ? detail : `${p.slice(path.length + 1)} ${detail}`)).join('; '));
        if (own.length) unfold(f);
      }
      return [...left].map(([path, detail]) => `${path} ${detail}`.trim());
    },
  };
}
