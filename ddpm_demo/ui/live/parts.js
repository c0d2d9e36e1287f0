// The panel's elements; `data-text` and `data-label` are written in the page's language.

const doing = (name) => `<button type="button" data-do="${name}" data-text="${name}" disabled></button>`;

const LIVE_HTML = `
<section class="live-root" data-label="live">
  <div class="live-head">
    <button type="button" class="live-switch" role="switch" aria-checked="false" data-do="live"><i></i><span data-text="live"></span></button>
    <span class="live-hint" data-text="hint"></span>
  </div>
  <p class="live-note" role="status" hidden>
    <span></span>
    <button type="button" data-do="offer" hidden></button>
    <button type="button" data-do="stop" data-text="stop" hidden></button>
  </p>
  <div class="live-body" hidden>
    <div class="live-plane">
      ${[0, 1, 2, 3].map(() => '<span class="live-corner"><img alt="" draggable="false" hidden><b></b></span>').join("")}
      <div class="live-point" role="slider" tabindex="0" data-label="point" aria-valuemin="0" aria-valuemax="100"></div>
    </div>
    <div class="live-buttons">${["corners", "sheet", "again", "keep", "vary"].map(doing).join("")}</div>
    <label class="live-variation"><span data-text="variation"></span><input type="range" min="5" max="100" step="5" value="40"><output></output></label>
    <div class="live-kept" hidden>
      <p><span data-text="kept"></span> <button type="button" data-do="show_kept" data-text="show_kept"></button></p>
      <div role="list"></div>
    </div>
  </div>
</section>`;

const language = () => (/^zh/i.test(document.documentElement.lang) ? "zh-CN" : "en");
const caption = (told) => (told && typeof told === "object" ? told[language()] || told.en || "" : told || "");

function words(key, given = {}) {
  const found = (WORDS[language()] || WORDS.en)[key] ?? "";
  return found.replace(/\{(\w+)\}/g, (_, name) => given[name] ?? "");
}

function speak(root) {
  root.querySelectorAll("[data-text]").forEach((one) => (one.textContent = words(one.dataset.text)));
  [root, ...root.querySelectorAll("[data-label]")].forEach((one) => {
    one.setAttribute("aria-label", words(one.dataset.label));
  });
  root.querySelectorAll("button[data-do]").forEach((one) => {
    one.title = words(`${one.dataset.do}_help`);
  });
}
