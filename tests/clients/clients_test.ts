import { SERVICES, testClients } from "./services.ts";

// The slow ones have files of their own, which run beside this one.
SERVICES.filter(({ tries }) => tries === undefined).forEach(testClients);
