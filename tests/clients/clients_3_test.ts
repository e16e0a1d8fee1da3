import { testThird } from "./services.ts";

testThird(2);
