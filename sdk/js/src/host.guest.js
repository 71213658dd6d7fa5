/** The host's log and counters, in a component. */

export { log as hostLog } from 'spanmill:plugin/log@0.1.0';
export { count as hostCount } from 'spanmill:plugin/counters@0.1.0';

export const recorded = undefined;
