export * from './channels.js';
export * from './dispatches.js';
export * from './people.js';
export * from './threads.js';
