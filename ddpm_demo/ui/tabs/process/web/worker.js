// Training in a worker of its own, so that the page stays free. It stops when it is told to, and
// when the page ends it.
((story) => {
  if (typeof WorkerGlobalScope === "undefined" || !(globalThis instanceof WorkerGlobalScope)) return;
  const SLICE_MS = 40;
  let trainer = null, going = false, until = 0, spent = 0, exact = null, job = 0;

  function report(state) {
    const learned = story.learned(trainer.schedule, trainer.averaged, trainer.kind);
    const error = story.errorAgainstExact(trainer.schedule, trainer.points, trainer.std, exact, learned);
    globalThis.postMessage({ job, state, step: trainer.step, loss: trainer.loss, error, seconds: spent / 1000, until, weights: trainer.averaged });
  }
  function slice() {
    if (!going) return;
    const from = performance.now();
    let sum = 0, count = 0;
    try {
      while (performance.now() - from < SLICE_MS * 4) {
        sum += trainer.update();
        count += 1;
      }
    } catch (error) {
      going = false;
      globalThis.postMessage({ job, state: "diverged", step: trainer.step });
      return;
    }
    spent += performance.now() - from;
    trainer.loss = sum / count;
    if (spent / 1000 >= until) going = false;
    report(going ? "training" : "done");
    if (going) setTimeout(slice, 0);
  }
  globalThis.onmessage = ({ data }) => {
    if (data.do === "start") {
      job = data.job;
      trainer = new story.Trainer(data);
      exact = story.mixture(trainer.schedule, trainer.points, trainer.std);
      spent = 0;
    }
    if (data.do === "pause") {
      if (going) report("paused");
      going = false;
      return;
    }
    if (trainer === null) return;
    until = data.until;
    if (!going) {
      going = true;
      slice();
    }
  };
})((globalThis.ddpmStory ??= {}));
