() => {
  const root = document.documentElement;

  // Whole factors are counted in the screen's own pixels.
  const setRatio = () => root.style.setProperty("--dpr", Math.max(1, window.devicePixelRatio || 1));
  setRatio();
  window.addEventListener("resize", setRatio);

  // A gallery's pictures tell their size when they have loaded.
  document.addEventListener(
    "load",
    (event) => {
      const image = event.target;
      if (!(image instanceof HTMLImageElement) || !image.closest(".pixels")) return;
      image.style.setProperty("--w", image.naturalWidth);
      image.style.setProperty("--h", image.naturalHeight);
      image.classList.add("px");
      image.classList.toggle("hard", Math.max(image.naturalWidth, image.naturalHeight) <= 128);
    },
    true,
  );

  // The open tab is in the address: a link opens it, and Back goes to the tab before.
  const names = window.ddpmTabs || [];
  const row = () => Array.from(document.querySelectorAll(".tabs > .tab-wrapper [role=tab]"));
  const named = () => location.hash.slice(1).split("?")[0] || names[0];
  const openNamed = () => {
    const tab = row()[names.indexOf(named())];
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
  };
  window.addEventListener("hashchange", openNamed);
  new MutationObserver(() => {
    const open = names[row().findIndex((tab) => tab.getAttribute("aria-selected") === "true")];
    if (open && open !== named() && names.includes(named())) history.pushState(null, "", `#${open}`);
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  if (location.hash) openNamed();

  // Ctrl+Enter runs, Esc cancels, on the tab that is seen.
  document.addEventListener("keydown", (event) => {
    const runs = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if ((!runs && event.key !== "Escape") || document.querySelector("dialog[open]")) return;
    const bars = Array.from(document.querySelectorAll(".run-bar"));
    const bar = bars.find((one) => one.offsetParent !== null);
    const button = bar && bar.querySelectorAll("button")[runs ? 0 : 1];
    if (!button || button.disabled) return;
    event.preventDefault();
    // A number that is being typed counts as it stands.
    if (runs && document.activeElement) document.activeElement.blur();
    setTimeout(() => button.click(), runs ? 50 : 0);
  });

  // "?" lists the keys, wherever one is but in a field.
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    const types = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
    if (event.key !== "?" || types || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const stages = Array.from(document.querySelectorAll(".stage-root"));
    const stage = stages.find((one) => one.offsetParent !== null);
    if (stage) stage.querySelector(".stage-keys").showModal();
  });

  // Gradio takes Tab for typing in a list: it would filter the choices and open them after the focus
  // has gone on.
  document.addEventListener(
    "keydown",
    (event) => {
      const inList = event.target.closest && event.target.closest("[role=combobox]");
      if (event.key === "Tab" && inList) event.stopPropagation();
    },
    true,
  );

  // What an example, or a variation out of the history, begins is seen on the stage: on a phone
  // both lie screens below it.
  document.addEventListener("click", (event) => {
    const begin = ".presets button, .history-tools [data-act]:not([data-act='delete'])";
    const begun = event.target.closest && event.target.closest(begin);
    const stages = Array.from(document.querySelectorAll(".stage-root"));
    const stage = begun && stages.find((one) => one.offsetParent !== null);
    if (!stage) return;
    const { top, height } = stage.getBoundingClientRect();
    const seen = Math.min(top + height, innerHeight) - Math.max(top, 0);
    if (seen >= Math.min(height, innerHeight) / 2) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    scrollBy({ top: top - 12, behavior: calm ? "auto" : "smooth" });
  });

  // The endpoints' documentation opens over the page, so that results are not lost.
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href='?view=api']");
    const button = document.querySelector("footer .show-api");
    if (!link || !button) return;
    event.preventDefault();
    button.click();
  });

  // A file dropped anywhere on a tab goes to that tab's box for pictures made before.
  const dropTarget = (event) => {
    if (!event.dataTransfer || !Array.from(event.dataTransfer.types).includes("Files")) return null;
    if (event.target.closest && event.target.closest("[data-testid='file-upload'], .file-preview, .image-container, button"))
      return null;
    const boxes = Array.from(document.querySelectorAll(".drop-anywhere input[type=file]"));
    return boxes.find((box) => box.closest(".drop-anywhere").offsetParent !== null) || null;
  };
  document.addEventListener("dragover", (event) => {
    if (dropTarget(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const box = dropTarget(event);
    if (!box) return;
    event.preventDefault();
    const files = new DataTransfer();
    if (event.dataTransfer.files[0]) files.items.add(event.dataTransfer.files[0]);
    box.files = files.files;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
