import { metricFamilies, type MetricsSnapshot } from "../core/metrics.ts";
import type { Files } from "../runtime/files.ts";
import { prometheusText } from "../runtime/prometheus.ts";

/** The metrics file inside OUT_DIR. */
export const METRICS_FILE = "metrics.txt";

/** Writes metrics.txt, one write at a time; readers see whole files. */
export class MetricsFile {
  readonly #files: Files;
  #writing: Promise<void> = Promise.resolve();

  constructor(files: Files) {
    this.#files = files;
  }

  /** Replaces the file. Its content can be made again, so it is not synced. */
  write(snapshot: MetricsSnapshot): Promise<void> {
    const next = this.#writing.then(async () => {
      const text = await prometheusText(metricFamilies(snapshot));
      const bytes = new TextEncoder().encode(text);
      await this.#files.replace(METRICS_FILE, bytes, {
        write: "metrics:write",
        rename: "metrics:rename",
      });
    });
    this.#writing = next.catch(() => {});
    return next;
  }
}
