import { svg } from "lit";
import lines from "../icons.json";

/** An icon by its name in icons.json; screen readers skip it. */
export const icon = (name) =>
  svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${lines[name]} /></svg>`;
