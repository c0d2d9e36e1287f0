// What this browser remembers by itself: its name, which is a secret, and what its forms say.

const PREFIX = "ddpm_demo.";
const NAME = `${PREFIX}browser`;
const COOKIE = "ddpm_demo_browser";
const HANDLE_CHARS = 16;

function recall(key) {
  try {
    return KEEPS ? localStorage.getItem(key) : null;
  } catch (error) {
    return null;
  }
}

function remember(key, value) {
  try {
    if (KEEPS) localStorage.setItem(key, value);
  } catch (error) {
    /* private windows forget */
  }
}

// Made up at the first visit. Of its 48 digits the first 16 go into a cookie: they tell the server
// that this browser is loading the page again, and open nothing.
function browserName() {
  let name = recall(NAME);
  if (!/^[0-9a-f]{48}$/.test(name || "")) {
    const bytes = crypto.getRandomValues(new Uint8Array(24));
    name = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    remember(NAME, name);
    if (!KEEPS || recall(NAME) !== name) return "";
  }
  document.cookie = `${COOKIE}=${name.slice(0, HANDLE_CHARS)}; SameSite=Strict; path=/`;
  return name;
}

function forgetAll() {
  document.cookie = `${COOKIE}=; Max-Age=0; SameSite=Strict; path=/`;
  try {
    const kept = Object.keys(localStorage).filter((key) => key.startsWith(`${PREFIX}form.`));
    for (const key of [...kept, NAME]) localStorage.removeItem(key);
  } catch (error) {
    /* nothing was kept */
  }
}

// A tab's controls by field, as they are now.
function saveForm(tab, names, values) {
  const told = Object.fromEntries(names.map((name, at) => [name, values[at] ?? null]));
  // Until the saved ones are back, what Gradio says at the start is not what the visitor wants.
  if (!restored.has(tab)) return;
  remember(`${PREFIX}form.${tab}`, JSON.stringify(told));
}

function savedForm(tab) {
  try {
    return JSON.parse(recall(`${PREFIX}form.${tab}`) || "null");
  } catch (error) {
    return null;
  }
}
