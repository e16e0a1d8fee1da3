/**
 * What everything in a cluster carries.
 *
 * @module
 * @see {@link https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/}
 */
import config from "../../deno.json" with { type: "json" };

/** The name of the namespace and of what is in it. */
export const NAME = "c2s-imds";

/** What pods are selected by: it must never change. */
export const SELECTOR: Readonly<Record<string, string>> = {
  "app.kubernetes.io/name": NAME,
};

/**
 * The labels of an object; the version is that of the program which prints it.
 *
 * @param component what the object is for
 */
export function labels(
  component: "proxy" | "monitoring",
): Readonly<Record<string, string>> {
  return {
    ...SELECTOR,
    "app.kubernetes.io/version": config.version,
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/part-of": NAME,
    "app.kubernetes.io/managed-by": NAME,
  };
}
