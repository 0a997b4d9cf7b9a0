/**
 * What a notebook host loads: an anywidget front-end module.
 *
 * Always true: `initialize` is synchronous and cheap and waits for nothing (hosts give it two seconds, and messages are lost while it
 * runs); everything ends with the host's signal or, where a host has none, with the function returned. The default export is a
 * factory, so a host that loads this file once for many widgets still gets one closure each.
 */
import { mount } from "./app";
import { makeHost, viewState } from "./host-element";
import { type ModelStage, stageOf, type WidgetModel } from "./model-stage";

interface InitializeProps {
  model: WidgetModel;
  signal?: AbortSignal;
}

interface RenderProps extends InitializeProps {
  el: HTMLElement;
}

/** A life that ends with the host's signal, if there is one, or when it is told to. */
function lifeOf(signal: AbortSignal | undefined): AbortController {
  const life = new AbortController();
  if (signal?.aborted) life.abort();
  signal?.addEventListener("abort", () => life.abort(), { once: true });
  return life;
}

export default () => {
  let stage: ModelStage | null = null;

  function initialize({ model, signal }: InitializeProps): () => void {
    const life = lifeOf(signal);
    stage = stageOf(model, life.signal);
    return () => life.abort();
  }

  function render({ model, el, signal }: RenderProps): () => void {
    const life = lifeOf(signal);
    const shown = stage ?? stageOf(model, life.signal); // some hosts only render
    shown.followHost(el, life.signal);
    const root = makeHost(
      el,
      {
        state: () => viewState(shown.run.value, shown.status.value, shown.source.loading.value),
        theme: () => shown.theme.value,
      },
      life.signal,
    );
    const unmount = mount(shown, root);
    life.signal.addEventListener("abort", unmount);
    return () => life.abort();
  }

  return { initialize, render };
};
