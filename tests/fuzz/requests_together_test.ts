import { fuzzRequests } from "./requests.ts";

fuzzRequests("together with others");
