export { dispatchMessage } from './dispatch-message.js';
