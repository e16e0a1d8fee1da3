/**
 * Text in columns. Widths are counted in characters, not in cells of a
 * terminal: the tables hold names in ASCII.
 *
 * @module
 */
import { oneLine } from "./message.ts";

/**
 * Renders rows as columns, each as wide as its widest cell, two spaces apart.
 *
 * @param rows the cells; foreign text is escaped
 * @returns lines, each with its line feed
 */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((row) => row.map(oneLine));
  const width = (column: number) =>
    Math.max(...lines.map((row) => row[column]?.length ?? 0));
  return lines.map((row) => {
    const cells = row.map((cell, i) =>
      // The last cell needs no padding.
      i === row.length - 1 ? cell : cell.padEnd(width(i))
    );
    return `${cells.join("  ").trimEnd()}\n`;
  }).join("");
}

/**
 * Cuts the middle out of a text that is too long, where the least is lost:
 * names differ at their beginning and end.
 *
 * @param text one line
 * @param width the most characters to leave, `…` included
 */
export function cutMiddle(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return [
    ...characters.slice(0, head),
    "…",
    ...characters.slice(characters.length - (width - 1 - head)),
  ].join("");
}
