// The sheets that lie over the page. A sheet is the browser's own dialog: it takes the keys and gives the focus back.
import { $ } from './elements.js';

export function openDialog(id) {
  const dialog = $(id);
  if (!dialog.open) dialog.showModal();
}

export function isDialogOpen() {
  return document.querySelector('dialog[open]') !== null;
}
