// The ways to the server: one for the page, one for each tab that has been opened.

const tabs = new Map(); // by name: {props, trigger}
const restored = new Set(); // tabs that show again what was there
const waiting = new Map(); // by tab: what it is to do once it is there
const history = new History();
const page = {
  told: null,
  send(event, told) {
    this.props.value = told;
    this.trigger(event, told);
  },
};

// Gradio takes the value of a channel when its event is triggered.
function send(name, told) {
  const tab = tabs.get(name);
  if (!tab) return void waiting.set(name, told);
  tab.props.value = told;
  tab.trigger("select", told);
}

function onTab(name, told) {
  const at = (window.ddpmTabs || []).indexOf(name);
  const button = document.querySelectorAll(".tabs > .tab-wrapper [role=tab]")[at];
  if (button && button.getAttribute("aria-selected") !== "true") button.click();
  restored.add(name); // what was there before is not wanted any more
  send(name, told);
}

// What was on a tab is there again, once, as soon as both the tab and the news of it have come.
function restore(name) {
  if (!page.told || restored.has(name) || !tabs.has(name)) return;
  const settings = savedForm(name);
  restored.add(name);
  if (window.ddpmLink && window.ddpmLink.sets(name)) return; // the address says what is wanted
  if (KEEPS && (settings || page.told.tabs.includes(name))) send(name, { act: "restore", settings });
}

window.ddpmKept = {
  keeps: KEEPS,
  name: browserName,
  checkpoint: () => (savedForm("") || {}).checkpoint || "",
  save: saveForm,
  page(props, watch, trigger) {
    Object.assign(page, { props, trigger });
    const hear = () => {
      if (!props.value || !props.value.results) return;
      page.told = props.value;
      restored.add("");
      history.told(page.told.results);
      history.stand();
      for (const name of tabs.keys()) restore(name);
    };
    watch("value", hear);
    hear();
  },
  tab(name, props, trigger) {
    tabs.set(name, { props, trigger });
    history.stand();
    if (waiting.has(name)) {
      const told = waiting.get(name);
      waiting.delete(name);
      send(name, told);
    }
    restore(name);
  },
};

const follow = { subtree: true, attributes: true, attributeFilter: ["aria-selected"] };
// Gradio shows the panel of a tab after it has marked the tab.
const soon = () => requestAnimationFrame(() => history.stand());
new MutationObserver(soon).observe(document.documentElement, follow);
