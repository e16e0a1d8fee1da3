/**
 * Wrong usage or configuration: the message is one line that names the flag,
 * variable or key, the value, and what was expected. Ends with exit code 2,
 * before anything was changed.
 */
export class UsageError extends Error {
  /**
   * Makes the error.
   *
   * @param message the one line the user sees
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UsageError";
  }
}
