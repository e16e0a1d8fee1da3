/**
 * How a command ends where rights or programs are missing: there is no telling
 * how things stand, and nothing was done.
 *
 * @module
 */
import { EXIT, type ExitCode, type Io } from "./command.ts";

/**
 * Ends with the message of an error.
 *
 * @param error what was thrown
 * @param io where the message goes
 * @param isOutOfReach whether rights or programs are missing
 * @throws the error itself, for any other reason
 */
export function cannotTell(
  error: unknown,
  io: Pick<Io, "stderr">,
  isOutOfReach: (error: unknown) => error is Error,
): ExitCode {
  if (!isOutOfReach(error)) throw error;
  io.stderr(`c2s-imds: ${error.message}\n`);
  return EXIT.CANNOT_TELL;
}
