// Loaded on every page: the shell around its content.
import "./shell.js";
