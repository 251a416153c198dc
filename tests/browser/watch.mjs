const OFFENSES_SHOWN_MAX = 10;

/** Sees everything that a page must not do. */
export class Watch {
  #origin;
  #offenses = [];
  #expected = null;

  static async on(context, origin) {
    const watch = new Watch();
    watch.#origin = origin;
    await context.exposeBinding("reportViolation", (_source, text) => watch.#offense(`content security policy: ${text}`));
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) =>
        globalThis.reportViolation(`${event.violatedDirective} blocked ${event.blockedURI} in ${event.sourceFile}:${event.lineNumber}`),
      );
    });
    context.on("request", (request) => watch.#request(request.url()));
    context.on("console", (message) => {
      if (message.type() === "error") watch.#offense(`console: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => watch.#offense(`page error: ${error.error().stack ?? error.error()}`));
    context.on("dialog", (dialog) => {
      watch.#offense(`a dialog opened: ${dialog.message()}`);
      void dialog.dismiss();
    });
    return watch;
  }

  /** Runs what must provoke one kind of offense, and forgives it there. */
  async expecting(pattern, action) {
    this.#expected = pattern;
    await action();
    this.#expected = null;
  }

  assertClean() {
    if (this.#offenses.length === 0) return;
    const shown = [...new Set(this.#offenses)].slice(0, OFFENSES_SHOWN_MAX);
    throw new Error(`the pages did what they must not, ${this.#offenses.length} times:\n${shown.join("\n")}`);
  }

  #request(url) {
    const { origin, protocol } = new URL(url);
    if (protocol === "data:" || protocol === "blob:") return;
    if (origin !== this.#origin) this.#offense(`a request left the host: ${url}`);
  }

  #offense(text) {
    if (!this.#expected?.test(text)) this.#offenses.push(text);
  }
}
