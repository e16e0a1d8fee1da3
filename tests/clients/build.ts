/**
 * Builds all clients, which takes minutes on a fresh machine, before their
 * tests do.
 *
 * @module
 */
import { afterburn, boto3, go, java, rust } from "./builds.ts";

await Promise.all([go("."), rust(), afterburn(), java(), boto3("")]);
