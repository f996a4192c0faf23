// All runs: a table that sorts, searches and shows the settings one chooses; one page of rows at a time. What is
// looked for stands in the address.

import {actionButton, h, isSelected, scroller, setAttribute, setText, setUsable} from '../../dom.js';
import {STATUSES, title} from '../../describe.js';
import {counted, grouped} from '../../format.js';
import {finder} from '../../finder.js';
import {Table} from '../../keyed.js';
import * as api from '../../api.js';
import {requestKey} from '../../key.js';
import {popup} from '../../popup.js';
import {bulkBar} from './runs_bulk.js';
import {choices, columnsOf, keysOf, keysText, searchText, sortBy} from './runs_columns.js';

const ROWS = 50;
const RESORT_MS = 1000;  // what changes all the time is sorted anew this often

/** {element, update()} */
function emptyList(state) {
  const fault = h('p', {class: 'fault', role: 'alert'});
  const keyOf = requestKey();
  const start = async () => {
    const settings = {name: 'GoogLeNet on Fashion-MNIST, as in the d2l.ai chapter'};
    try {
      const {id} = await api.createJob(settings, keyOf(settings));
      if (element.isConnected) location.hash = `#/runs/${id}`;
    } catch (error) {
      setText(fault, error.message);
    }
  };
  const begin = actionButton('Start the chapter’s run', start, {class: 'primary'});
  const element = h('div', {class: 'blank'},
    h('h2', {}, 'No runs yet'),
    h('p', {}, 'A run trains a network on a data set and shows its curves here. Begin with the d2l.ai chapter’s: ',
      'GoogLeNet on Fashion-MNIST, 10 epochs of 60,000 images.'),
    h('p', {}, begin, ' ',
      h('a', {class: 'button', href: '#/new'}, 'Choose the settings')), fault,
    h('p', {}, 'Or ', h('a', {href: '#/datasets/new'}, 'bring pictures of your own'), ', a folder or an archive with a folder for each class, and train on them.'));
  return {element, update: () => setUsable(begin, state.mayWrite)};
}

/** What is looked for, read from the address and written to it. */
function searchOf(query) {
  const search = {
    text: query.get('search') ?? '', status: query.get('status') ?? '', page: Math.max(0, Number(query.get('page') ?? 1) - 1) || 0,
    sort: query.get('sort') ?? 'created', down: query.get('down') !== 'no', columns: keysOf(query.get('columns') ?? ''),
  };
  search.write = () => {
    const parts = Object.entries({search: search.text, status: search.status, page: search.page ? search.page + 1 : '', columns: keysText(search.columns),
      sort: search.sort === 'created' ? '' : search.sort, down: search.down ? '' : 'no'}).filter(([, v]) => v !== '');
    const text = new URLSearchParams(parts).toString().replaceAll('%2C', ',');
    history.replaceState(history.state, '', `#/${text && `?${text}`}`);
    return text;
  };
  return search;
}

/** A box with the columns that there are; onChoose(keys) is called with those that are wanted. */
function columnChooser(jobs, search, onChoose) {
  const content = h('div', {class: 'columns'});
  function entry([key, name]) {
    const box = h('input', {type: 'checkbox', id: `column-${key}`, checked: search.columns.includes(key), onchange: () =>
      onChoose(box.checked ? [...search.columns, key] : search.columns.filter((k) => k !== key))});
    return h('span', {class: 'pair-of'}, box, h('label', {for: box.id}, name));
  }
  return popup('Columns', content, () => content.replaceChildren(...choices(jobs.values()).filter(([, keys]) => keys.length)
    .map(([heading, keys]) => h('fieldset', {}, h('legend', {}, heading), keys.map(entry)))));
}

/** Whether a pointer is pressed on the element: {isHeld(), destroy()}. */
function pressOn(element, changed) {
  let pressed = false;
  element.addEventListener('pointerdown', () => { pressed = true; });
  const release = () => {
    if (!pressed) return;
    // After the click that this ends.
    setTimeout(() => { pressed = false; changed(); });
  };
  const ends = ['pointerup', 'pointercancel', 'blur'];
  for (const type of ends) addEventListener(type, release);
  return {isHeld: () => pressed, destroy: () => ends.forEach((type) => removeEventListener(type, release))};
}

/** Which rows are shown, of how many, and ways to the others: {element, show(page, rows on it, found in all)}; onTurn(-1 or 1). */
function pages(jobs, onTurn) {
  const where = h('span', {role: 'status'});
  const previous = actionButton('Newer', () => onTurn(-1), {class: 'quiet'});
  const next = actionButton('Older', () => onTurn(1), {class: 'quiet'});
  const element = h('p', {class: 'tools pager'}, previous, next, where);
  return {element, show(page, shown, found) {
    const first = page * ROWS, newer = page > 0, older = first + ROWS < found || jobs.older;
    element.hidden = found === 0;
    setUsable(previous, newer);
    setUsable(next, older);
    previous.hidden = next.hidden = !newer && !older;
    const range = found > ROWS ? `${grouped(first + 1)} to ${grouped(first + shown)} of ` : '';
    const among = `${counted(found, 'run')}${jobs.older ? ' read so far' : ''}`;
    setText(where, `${range}${among}${jobs.reading ? ', reading older ones …' : ''}`);
  }};
}

export function runsView(context, {query}) {
  const {state, changed} = context;
  const {selected} = state.jobs;
  const search = searchOf(query.size ? query : new URLSearchParams(context.runsQuery ?? ''));
  const input = h('input', {type: 'search', id: 'search', size: '24', placeholder: 'name, data set, metadata', value: search.text,
    oninput: () => look({text: input.value, page: 0})});
  const select = h('select', {id: 'filter', onchange: () => look({status: select.value, page: 0})},
    h('option', {value: ''}, 'all'), STATUSES.map((s) => h('option', {value: s}, s)));
  select.value = STATUSES.includes(search.status) ? search.status : '';
  const chooser = columnChooser(state.jobs, search, (columns) => {
    look({columns});
    build();
  });
  const list = scroller('Runs');
  const press = pressOn(list, changed);
  const pager = pages(state.jobs, (by) => look({page: search.page + by}));
  const bulk = bulkBar(context);
  const add = h('a', {class: 'button primary', href: '#/new'}, 'New run');
  const rest = h('div');
  const element = h('section', {},
    h('div', {class: 'bar'}, h('h1', {}, 'Runs'),
      h('span', {class: 'pair-of'}, h('label', {for: 'search'}, 'Search'), input),
      h('span', {class: 'pair-of'}, h('label', {for: 'filter'}, 'Show'), select), chooser,
      add),
    bulk.element, list, pager.element, rest);
  let columns = [], table = null, all = null, empty = null;

  function look(changes) {
    Object.assign(search, changes);
    context.runsQuery = search.write();
    sorted = null;
    changed();
  }

  function sortButton(column) {
    return h('button', {type: 'button', class: 'sort', onclick: () => look({sort: column.key, page: 0,
      down: search.sort === column.key ? !search.down : column.key !== 'name' && column.key !== 'network'})}, column.title);
  }

  function selectCell(job) {
    const box = h('input', {type: 'checkbox', onchange: () => {
      if (box.checked) selected.add(job.id);
      else selected.delete(job.id);
      changed();
    }});
    return {element: box, update(now) {
      setAttribute(box, 'aria-label', `Select ${title(now)}`);
      box.checked = selected.has(now.id);
    }};
  }

  function build() {
    columns = columnsOf(search.columns);
    all = h('input', {type: 'checkbox', 'aria-label': 'Select all that are found', onchange: () => {
      for (const job of found()) if (all.checked) selected.add(job.id); else selected.delete(job.id);
      changed();
    }});
    table = new Table({caption: 'Runs', captionHidden: true, className: 'runs', keyOf: (j) => j.id, attributes: (j) => ({'data-id': j.id}),
      columns: [{title: '', head: all, make: selectCell, class: 'pick'},
        ...columns.map((c) => ({...c, head: sortButton(c), text: c.text && ((job) => c.text(job, state))}))]});
    list.replaceChildren(table.element);
  }

  let sorted = null, sortedMark = '', sortedAt = 0;
  /** The jobs that are looked for, in order; sorted anew only when that can change. */
  function found() {
    const column = columns.find((c) => c.key === search.sort) ?? columns.at(-1);
    const mark = `${state.jobs.listVersion} ${column.key}`;
    if (sorted && mark === sortedMark && !(column.live && performance.now() - sortedAt > RESORT_MS)) return sorted;
    const sought = finder(search.text, searchText);
    sorted = sortBy(state.jobs.values().filter((j) => (!search.status || j.status === search.status) && sought(j)), column, search.down);
    [sortedMark, sortedAt] = [mark, performance.now()];
    return sorted;
  }

  /** Older runs are read when something needs them: a page further down, an order or a search among all. */
  function readOlder() {
    if (!state.jobs.older || state.error || !state.isCurrent) return;
    if (search.sort !== 'created' || !search.down || search.text || search.status) state.jobs.loadOlder();
    else if ((search.page + 1) * ROWS > state.jobs.size) state.jobs.loadOlder((search.page + 2) * ROWS);
  }

  function update() {
    if (!table) build();
    readOlder();
    // Rows stay where they are while a pointer is pressed on them or their text is selected.
    const held = press.isHeld() || isSelected(table.body);
    const jobs = found();
    search.page = Math.max(0, Math.min(search.page, state.jobs.older ? Infinity : Math.ceil(jobs.length / ROWS) - 1));
    const page = jobs.slice(search.page * ROWS, (search.page + 1) * ROWS).map((j) => state.jobs.get(j.id) ?? j);
    table.set(page, held);
    columns.forEach((c, i) => setAttribute(table.element.tHead.rows[0].cells[i + 1], 'aria-sort',
      c.key === search.sort ? (search.down ? 'descending' : 'ascending') : null));
    all.checked = jobs.length > 0 && jobs.every((j) => selected.has(j.id));
    list.hidden = jobs.length === 0;
    pager.show(search.page, page.length, jobs.length);
    bulk.update();
    setAttribute(add, 'aria-disabled', state.mayWrite ? null : 'true');
    const running = state.jobs.values().filter((j) => j.status === 'running').length;
    context.setTitle(running ? `${running} running – Runs` : 'Runs');
    if (state.jobs.loaded && state.jobs.size === 0) {
      empty ??= emptyList(state);
      empty.update();
      if (!empty.element.isConnected) rest.replaceChildren(empty.element);
    } else {
      setText(rest, jobs.length || !state.jobs.loaded ? '' : state.jobs.reading ? 'Reading older runs …' : 'No run is like that.');
    }
  }
  return {element, update, destroy: () => press.destroy()};
}
