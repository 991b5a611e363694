// Handles the form of the login page, which the server renders.
import { signIn } from "../client.js";
import { address } from "#here";
import { t } from "#i18n";

const form = document.getElementById("login");
const problem = document.getElementById("login-error");
const button = form.querySelector("button[type=submit]");
const { username, password } = form.elements;

(username.value ? password : username).focus();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!username.value || !password.value) return tell(t("login.missing"), username.value ? password : username);
  problem.hidden = true;
  button.disabled = true;
  try {
    await signIn(username.value, password.value);
    location.assign(address(form.dataset.next));
  } catch (error) {
    button.disabled = false;
    tell(messageOf(error), password);
  }
});

function messageOf(error) {
  if (error.status === 401) return t("login.wrong", { username: username.value });
  if (error.status === 429) return t("login.throttled", { seconds: error.retryAfter });
  return error.message;
}

function tell(message, field) {
  problem.textContent = message;
  problem.hidden = false;
  field.select();
  field.focus();
}
