/**
 * Image references, as container runtimes take them.
 *
 * @module
 */
import { refuse, type SourcedValue } from "../cli/options.ts";

/** An image that was checked. */
export interface Image {
  /** The reference; it holds nothing that a unit or a shell would read. */
  readonly reference: string;
  /** The registry it names, with its port; `undefined` where it names none. */
  readonly registry: string | undefined;
  /** Whether a digest says which image it is, for good. */
  readonly pinned: boolean;
}

/**
 * The grammar of references, with the digests that registries use. What comes
 * first is a registry only with a dot or a port, or as localhost: the rest is
 * a repository, which OCI wants in lower case.
 * https://pkg.go.dev/github.com/distribution/reference
 */
const REFERENCE = new RegExp(
  [
    String
      .raw`^(?<name>(?:(?<registry>(?=localhost/|[^/]*[.:])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]{1,5})?)/)?`,
    String
      .raw`[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*)`,
    String.raw`(?<tag>:\w[\w.-]{0,127})?`,
    String.raw`(?<digest>@(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?$`,
  ].join(""),
);

/** The most characters a name may have, registry included. */
const LONGEST_NAME = 255;

/**
 * Reads an image reference. Where it has a digest its tag is dropped: the
 * digest decides, and some versions of Podman refuse both together.
 *
 * @throws {UsageError} for anything that is none
 */
export function parseImage(given: SourcedValue): Image {
  const { name, registry, tag = "", digest } =
    given.text.match(REFERENCE)?.groups ?? {};
  if (name === undefined || name.length > LONGEST_NAME) {
    return refuse(
      given,
      "an image reference, its repository in lower case, " +
        "such as registry.example.com/c2s-imds@sha256:…",
    );
  }
  return digest === undefined
    ? { reference: name + tag, registry, pinned: false }
    : { reference: name + digest, registry, pinned: true };
}
