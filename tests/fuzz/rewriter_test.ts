import { assert, assertEquals } from "@std/assert";
import { Rewriter } from "../../lib/rewrite/rewriter.ts";
import { bytesOf, textOf } from "../helpers/raw.ts";
import { createRandom, type Random } from "../helpers/random.ts";
import { pieces } from "./mutate.ts";
import { again, seeds } from "./settings.ts";

/** A name, what stands in its place, and where it may stand. */
interface NameToReplace {
  readonly real: string;
  readonly shown: string;
  /** Where it may stand: see `NameKind`. */
  readonly kind: "region" | "whole" | "arn";
}

const AFTER = {
  region: /^(?:$|[^A-Za-z0-9]|[a-z](?![A-Za-z0-9]))/,
  whole: /^(?![A-Za-z0-9])/,
  arn: /^/,
};

const BEFORE = {
  region: /^(?:$|[^A-Za-z0-9])/,
  whole: /^(?:$|[^A-Za-z0-9])/,
  arn: /^(?:$|[\0\t\n\r "])/,
};

/** What is to become of a body, as plainly as it can be said. */
function referenceReplace(
  body: string,
  names: readonly NameToReplace[],
): string {
  const sorted = [...names].sort((a, b) => b.real.length - a.real.length);
  let output = "";
  for (let at = 0; at < body.length;) {
    const before = body.slice(Math.max(0, at - 1), at);
    const found = sorted.find(({ real, kind }) =>
      body.startsWith(real, at) && BEFORE[kind].test(before) &&
      AFTER[kind].test(body.slice(at + real.length, at + real.length + 2))
    );
    output += found?.shown ?? body[at];
    at += found?.real.length ?? 1;
  }
  return output;
}

/** Bodies to one set of names: to prepare a search takes longer than it. */
const BODIES = 8;

const PARTS: readonly string[] = [
  ...["us", "a", "A", "1", "-", "-", "east", ".", "10"],
];

/** Real and emulated names that hold, begin, end and replace each other. */
function randomPairs(random: Random): Map<string, string> {
  const names = Array.from({ length: 1 + random.int(random.pick([2, 6, 50])) });
  const reals: string[] = [];
  for (const _ of names) {
    const made = random.list(4, () => random.pick(PARTS)).join("") || "x";
    const other = reals.length > 0 ? random.pick(reals) : made;
    reals.push(
      random.pick([
        made,
        other + random.pick(PARTS),
        random.pick(PARTS) + other,
        `${other}-${made}`,
        other.slice(0, 1 + random.int(other.length)),
      ]).slice(0, 60),
    );
  }
  return new Map(
    reals.map((real) => [
      real,
      random.pick([random.pick(reals), `${real}x`, "us-iso-east-1", "z"]),
    ]),
  );
}

/** Names whole, cut short and run together, with all that may stand between. */
function randomBody(random: Random, names: readonly string[]): string {
  return random.list(random.pick([4, 16, 40]), () => {
    const name = random.pick(names);
    switch (random.int(6)) {
      case 0:
        return name.slice(random.int(name.length));
      case 1:
        return name.slice(0, random.int(name.length + 1));
      case 2:
        return String.fromCharCode(random.int(256));
      case 3:
        return random.pick(["-", "a", "b", "Z", "0", ".", "\n", " ", "_", '"']);
      default:
        return name;
    }
  }).join("");
}

function namesOf(
  kind: NameToReplace["kind"],
  pairs: ReadonlyMap<string, string>,
): NameToReplace[] {
  return [...pairs].map(([real, shown]) => ({ real, shown, kind }));
}

function streamed(
  rewriter: Rewriter,
  chunks: readonly string[],
): string {
  const stream = rewriter.stream();
  const output = chunks.map((chunk) =>
    textOf(stream.push(Uint8Array.from(bytesOf(chunk))))
  );
  return output.join("") + textOf(stream.end());
}

/** Small cuts as well as few. */
function chunksOf(random: Random, text: string): readonly string[] {
  return random.int(2) === 0 ? pieces(random, text) : pieces(random, text)
    .flatMap((piece) => piece.match(/[\s\S]{1,3}/g) ?? []);
}

interface Tried {
  readonly rewriter: Rewriter;
  readonly names: readonly string[];
  readonly expected: (body: string) => string;
}

function tryAll(make: (random: Random) => Tried) {
  const { first, count } = seeds(1 / 20);
  let rewritten = 0;
  for (let seed = first; seed < first + count; seed++) {
    const random = createRandom(seed);
    const { rewriter, names, expected } = make(random);
    for (let round = 0; round < BODIES; round++) {
      const text = randomBody(random, names);
      const body = Uint8Array.from(bytesOf(text));
      const chunks = chunksOf(random, text);
      const wanted = expected(text);
      if (wanted !== text) rewritten++;
      const got = rewriter.rewrite(body);
      const same = textOf(got) === wanted && textOf(body) === text &&
        (wanted !== text || got === body || got.length > 0) &&
        streamed(rewriter, chunks) === wanted;
      if (same) continue;
      assertEquals(
        [textOf(got), streamed(rewriter, chunks), textOf(body)],
        [wanted, wanted, text],
        `${JSON.stringify({ names, chunks })}; again with ${again(seed)}`,
      );
    }
  }
  assert(
    count < 100 || rewritten > count,
    `${rewritten} bodies were rewritten`,
  );
}

Deno.test("Rewriter gives the reference's bytes when up to 50 regions overlap and swap", () => {
  tryAll((random) => {
    const map = randomPairs(random);
    return {
      rewriter: new Rewriter(map),
      names: [...map.keys()],
      expected: (body) => referenceReplace(body, namesOf("region", map)),
    };
  });
});

Deno.test("Rewriter gives the reference's bytes when zones and ARNs are replaced in the same pass", () => {
  tryAll((random) => {
    const kinds = [
      ["region", randomPairs(random)],
      ["whole", randomPairs(random)],
      ["arn", new Map([["arn:aws:", "arn:aws-iso:"], ["arn:aws-cn:", "x"]])],
    ] as const;
    const names: NameToReplace[] = kinds.flatMap(([kind, pairs]) =>
      namesOf(kind, pairs)
    );
    const [[, regions], ...others] = kinds;
    return {
      rewriter: new Rewriter(
        regions,
        others.map(([kind, pairs]) => ({ kind, names: [...pairs] })),
      ),
      names: names.map(({ real }) => real),
      expected: (body) => referenceReplace(body, names),
    };
  });
});
