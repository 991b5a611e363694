import { svg } from "lit";
import lines from "../icons.json";

/** An icon by its name in icons.json; it says nothing to a screen reader. */
export const icon = (name) =>
  svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${lines[name]} /></svg>`;
