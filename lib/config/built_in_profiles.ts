/**
 * The profiles that come with the program, as YAML that names the source of
 * each value.
 *
 * @module
 */
import awsIsoE from "./profiles/aws-iso-e.yaml" with { type: "text" };
import awsIsoF from "./profiles/aws-iso-f.yaml" with { type: "text" };
import c2s from "./profiles/c2s.yaml" with { type: "text" };
import sc2s from "./profiles/sc2s.yaml" with { type: "text" };

/** A profile that comes with the program. */
export interface BuiltInProfile {
  /** What it is called. */
  readonly name: string;
  /** What it is called, too: its partition. */
  readonly alias?: string;
  /** Its definition, as in a file. */
  readonly yaml: string;
}

/** Every isolated partition that botocore knows regions of. */
export const BUILT_IN_PROFILES: readonly BuiltInProfile[] = [
  { name: "c2s", alias: "aws-iso", yaml: c2s },
  { name: "sc2s", alias: "aws-iso-b", yaml: sc2s },
  { name: "aws-iso-e", yaml: awsIsoE },
  { name: "aws-iso-f", yaml: awsIsoF },
];
