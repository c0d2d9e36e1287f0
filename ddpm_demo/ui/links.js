// A recipe in the address: the server sets the controls by it, once for each link.

(() => {
  const KEY = "ddpm_demo.link";
  const opened = new Set();
  let ear = null;

  // After a reload the controls are as the visitor has left them; where nothing is kept, the link
  // is all there is.
  const [navigation] = performance.getEntriesByType("navigation");
  try {
    const again = navigation && navigation.type !== "navigate";
    if (again && window.ddpmKept && window.ddpmKept.keeps && sessionStorage.getItem(KEY) === location.hash)
      opened.add(location.hash);
  } catch (error) {
    /* private windows forget */
  }

  const open = () => {
    const { hash } = location;
    if (!ear || !hash.includes("?") || opened.has(hash)) return;
    // What is said of it shall be in the visitor's language.
    if (document.documentElement.classList.contains("language-pending")) return setTimeout(open, 100);
    opened.add(hash);
    try {
      sessionStorage.setItem(KEY, hash);
    } catch (error) {
      /* then a reload sets the controls once more */
    }
    ear.props.value = hash;
    ear.trigger("select", hash);
  };
  window.addEventListener("hashchange", open);

  window.ddpmLink = {
    listen(props, trigger) {
      ear = { props, trigger };
      open();
    },
    // Whether this tab is set by the address that the page was opened with.
    sets: (tab) => location.hash.startsWith(`#${tab}?`) && !opened.has(location.hash),
    async copy(hash, words) {
      const link = location.href.split("#")[0] + hash;
      try {
        await navigator.clipboard.writeText(link);
      } catch (error) {
        window.prompt(words, link); // no clipboard without TLS, or not allowed
      }
    },
  };
})();
