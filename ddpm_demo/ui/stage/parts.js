// The stage's elements. Every text is `data-text` (content), `data-label` (aria-label and title):
// `speak` writes them in the page's language, again whenever that changes.

const button = (name, sign = "", more = "") =>
  `<button type="button" data-do="${name}" data-label="${name}" ${more}>${sign}</button>`;
const worded = (name, more = "") =>
  `<button type="button" data-do="${name}" data-text="${name}" ${more}></button>`;

const STAGE_HTML = `
<section class="stage-root" data-label="stage" data-phase="empty">
  <div class="stage-frame">
  <div class="stage-view" tabindex="0" role="img">
    <div class="stage-pane stage-after"><img alt="" draggable="false"></div>
    <div class="stage-pane stage-before" hidden><img alt="" draggable="false"></div>
    <canvas class="stage-paint" aria-hidden="true"></canvas>
    <div class="stage-line" hidden aria-hidden="true"></div>
    <span class="stage-tag stage-tag-before" data-text="before" hidden></span>
    <span class="stage-tag stage-tag-after" data-text="after" hidden></span>
  </div>
  <div class="stage-over">
    <input class="stage-wipe" type="range" min="0" max="1000" value="500" data-label="wipe" hidden>
    <button type="button" class="stage-inset" data-do="swap" data-label="swap" hidden><img alt=""><span></span></button>
    <div class="stage-empty">
      <img class="stage-moving" alt="" hidden>
      <p class="stage-words"></p>
      <div class="stage-choose" hidden>
        ${worded("choose", 'class="stage-main"')}
        ${worded("camera", "hidden")}
        <p class="stage-small" data-text="drop_or_paste"></p>
      </div>
    </div>
    <div class="stage-progress" hidden>
      <span class="stage-progress-words"></span>
      <div role="progressbar" data-label="progress" aria-valuemin="0" aria-valuemax="100"><i></i></div>
    </div>
  </div>
  </div>
  <div class="stage-bar" role="toolbar" data-label="tools">
    <span class="stage-group stage-zoom">
      ${button("zoom_out", "−")}
      <output class="stage-percent"></output>
      ${button("zoom_in", "+")}
      ${worded("fit")}
      ${button("hundred", "100 %")}
    </span>
    <span class="stage-group stage-compare" role="group" data-label="compare" hidden>
      ${worded("single", "aria-pressed=true")}
      ${worded("slider", "aria-pressed=false")}
      ${worded("side", "aria-pressed=false")}
      ${worded("hold", "aria-pressed=false")}
    </span>
    <label class="stage-group stage-layers" hidden><span data-text="layer"></span><select></select></label>
    <span class="stage-group stage-upload" hidden>
      ${worded("choose")}
      ${worded("remove")}
    </span>
    <span class="stage-group stage-mask" hidden>${worded("paint", "aria-pressed=false")}<output class="stage-filled"></output></span>
    ${button("keys", "?", 'class="stage-end" aria-haspopup="dialog"')}
  </div>
  <div class="stage-bar stage-tools" role="toolbar" data-label="paint_tools" hidden>
    <span class="stage-group" role="group" data-label="tool">
      ${worded("brush", "aria-pressed=true")}
      ${worded("rectangle", "aria-pressed=false")}
      ${worded("lasso", "aria-pressed=false")}
      ${worded("eraser", "aria-pressed=false")}
    </span>
    <label class="stage-group stage-size"><span data-text="size"></span><input type="range" min="0" max="1000"><output></output></label>
    <span class="stage-group">
      ${button("undo", "↶")}
      ${button("redo", "↷")}
      ${worded("invert")}
      ${worded("grow")}
      ${worded("shrink")}
      ${worded("clear")}
      ${worded("mask_file")}
    </span>
  </div>
  <div class="stage-strip" role="listbox" data-label="samples" aria-orientation="horizontal" hidden></div>
  <label class="stage-steps" hidden><span data-text="steps"></span><input type="range" min="0" value="0"><output></output></label>
  <p class="stage-note" hidden></p>
  <p class="stage-said-aloud" role="status" aria-live="polite"></p>
  <input class="stage-file" type="file" accept="image/*,.heic,.heif,.avif,.tif,.tiff" data-label="choose" hidden>
  <input class="stage-mask-file" type="file" accept="image/png,image/webp,image/jpeg,image/bmp" data-label="mask_file" hidden>
  <dialog class="stage-dialog stage-keys" data-label="keys"><h3 data-text="keys"></h3><dl></dl>${worded("close")}</dialog>
  <dialog class="stage-dialog stage-camera" data-label="camera"><video playsinline muted></video><div><button type="button" class="stage-main stage-shutter" data-text="take"></button>${worded("close")}</div></dialog>
</section>`;

const KEYS = [
  ["Ctrl Enter", "key_run"], ["Esc", "key_cancel"],
  ["+ −", "key_zoom"], ["0", "fit"], ["1", "hundred"], ["← →", "key_arrows"], ["B", "hold"],
  ["[ ]", "key_brush"], ["E", "eraser"], ["Ctrl Z", "undo"], ["Ctrl ⇧ Z", "redo"],
  ["{space}", "key_dab"], ["Alt + {wheel}", "key_brush"], ["Ctrl + {wheel}", "key_wheel"], ["Esc", "key_leave"],
];

const language = () => (/^zh/i.test(document.documentElement.lang) ? "zh-CN" : "en");

function words(key, given = {}) {
  const found = (WORDS[language()] || WORDS.en)[key] ?? WORDS.en[key] ?? "";
  return found.replace(/\{(\w+)\}/g, (_, name) => given[name] ?? "");
}

// A caption of the server's: a sentence, or one a language.
const caption = (told) => (told && typeof told === "object" ? told[language()] || told.en || "" : told || "");

function speak(root) {
  root.querySelectorAll("[data-text]").forEach((element) => {
    element.textContent = words(element.dataset.text);
  });
  [root, ...root.querySelectorAll("[data-label]")].forEach((element) => {
    const said = words(element.dataset.label);
    element.setAttribute("aria-label", said);
    if (element.tagName === "BUTTON") element.title = said;
  });
  root.querySelector(".stage-keys dl").innerHTML = KEYS.map(
    ([key, name]) => `<dt><kbd>${key.replace(/\{(\w+)\}/, (_, named) => words(named))}</kbd></dt><dd>${words(name)}</dd>`,
  ).join("");
}

// "about 14 s", "about 2 min"
function timeLeft(seconds) {
  if (seconds < 90) return words("seconds_left", { count: Math.max(1, Math.round(seconds)) });
  return words("minutes_left", { count: Math.round(seconds / 60) });
}
