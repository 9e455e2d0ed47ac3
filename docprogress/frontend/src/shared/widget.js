/** What the widgets share of anywidget. */

/**
 * The part of anywidget's model that is used.
 *
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...values: any[]) => void) => void} on
 * @property {(event: string, callback?: ((...values: any[]) => void) | null) => void} off
 * @property {(content: object, callbacks?: any, buffers?: ArrayBuffer[]) => void} send
 * @property {any} [widget_manager] JupyterLab's, which knows the state of the connection
 */

/**
 * What one model's views share.
 *
 * @typedef {object} Session
 * @property {(element: HTMLElement) => () => void} show draws a view, and returns what
 *   removes it
 * @property {() => void} close
 */

/**
 * A factory, as anywidget accepts it: each model gets a session of its own.
 *
 * The session cannot be stored on the model, because anywidget passes `initialize` and
 * `render` different objects for the same one.
 *
 * @param {(model: Model) => Session} createSession
 */
export function createWidget(createSession) {
  return () => {
    /** @type {Session | null} */
    let session = null;
    return {
      /** @param {{model: Model}} context */
      initialize({ model }) {
        session = createSession(model);
        return () => {
          session?.close();
          session = null;
        };
      },
      /** @param {{model: Model, el: HTMLElement}} context */
      render({ model, el }) {
        session ??= createSession(model);
        return session.show(el);
      },
    };
  };
}

/** An identifier for this page, to tell it from others that show the same model. */
export function pageId() {
  return Math.random().toString(36).slice(2);
}
