/**
 * The project's documents as tests read them: blocks, commands, code, links.
 *
 * @module
 */
import { type SourceFile, sourceFiles } from "./files.ts";

/** A fenced block. */
export interface Block {
  /** What stands behind the opening fence: `sh test`, `yaml`, … */
  readonly info: string;
  /** What is inside. */
  readonly text: string;
  /** The line of the opening fence, counted from 1. */
  readonly line: number;
}

const FENCE = /^```(?<info>.*)\n(?<text>[^]*?)^```$/gm;

/** Every document of the project, the fixtures of tests left out. */
export function documents(): SourceFile[] {
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs"]
    .flatMap(sourceFiles).filter(({ path }) => path.endsWith(".md"));
}

/** The fenced blocks of a document. */
export function blocksOf(text: string): Block[] {
  return [...text.matchAll(FENCE)].map(({ index, groups }) => ({
    info: groups?.info ?? "",
    text: groups?.text ?? "",
    line: text.slice(0, index).split("\n").length,
  }));
}

/** The commands of a block of shell, one a line, without comments. */
export function commandsOf({ text }: Block): string[] {
  return text.replaceAll(/\\\n\s*/g, "").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** What stands in backticks outside of blocks. */
export function codeOf(text: string): string[] {
  return [...text.replaceAll(FENCE, "").matchAll(/`([^`\n]+)`/g)]
    .map(([, code = ""]) => code.replaceAll("\\|", "|"));
}

/** Where the links of a document lead to. */
export function linksOf(text: string): string[] {
  return [...text.replaceAll(FENCE, "").matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target);
}

/** The names by which links find the headings of a document. */
export function anchorsOf(text: string): string[] {
  return [...text.replaceAll(FENCE, "").matchAll(/^#+ (.+)$/gm)]
    .map(([, heading = ""]) =>
      heading.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(" ", "-")
    );
}
