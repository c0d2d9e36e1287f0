// The door to the page: Gradio's components call `mount` and `listen` when they appear.

window.ddpmStage = {
  stages,
  mount(element, props, watch, upload, options) {
    let stage = stages.get(options.name);
    if (!stage) stages.set(options.name, (stage = new Stage(options)));
    stage.upload = upload;
    element.querySelector(".stage-mount").replaceChildren(stage.root);
    stage.told(props.value);
    watch("value", () => stage.told(props.value));
    stage.layout();
  },
  listen(name, props, trigger) {
    ears.set(name, { props, trigger });
    const stage = stages.get(name);
    if (!stage) return;
    stage.say(stage.unheard, {});
    stage.unheard = null;
  },
  begin: async (name) => (stages.has(name) ? stages.get(name).begin() : {}),
};
