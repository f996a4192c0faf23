// A part of the page that takes a file that is dropped on it.

import {h} from '../dom.js';

/**
 * {element, destroy()}: onFile(file, entries) is called with the first file, and with all that was dropped, which may be
 * folders. Beside it a file is not taken, nor opened by the browser.
 */
export function dropZone(onFile, attributes = {}) {
  const element = h('section', {...attributes});
  const hasFiles = (event) => [...event.dataTransfer?.types ?? []].includes('Files');
  const over = (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const inside = element.contains(event.target);
    event.dataTransfer.dropEffect = inside ? 'copy' : 'none';
    element.toggleAttribute('data-over', inside);
  };
  const leave = (event) => { if (!event.relatedTarget) element.removeAttribute('data-over'); };
  const drop = (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    element.removeAttribute('data-over');
    const file = event.dataTransfer.files[0];
    // Only as long as this event is handled are they there.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (file && element.contains(event.target)) onFile(file, entries);
  };
  const listeners = {dragover: over, dragleave: leave, drop};
  for (const [type, listener] of Object.entries(listeners)) addEventListener(type, listener);
  return {element, destroy: () => { for (const [type, listener] of Object.entries(listeners)) removeEventListener(type, listener); }};
}
