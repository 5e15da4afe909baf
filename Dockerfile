# One image for the API and the Panel: docker-compose.yml says which of them to run.
FROM node:22-slim AS web
WORKDIR /src
COPY web web
RUN cd web && npm ci --no-audit --no-fund && npm run build

FROM python:3.12-slim
WORKDIR /src
COPY . .
# The dashboard is built already; without its sources the build backend takes it as it is.
RUN rm -rf web
COPY --from=web /src/server/tokenbudget_server/static server/tokenbudget_server/static
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/image.txt && pip install --no-cache-dir --no-deps --no-build-isolation . && rm -rf /src/*

RUN useradd --create-home tokenbudget && install -d -o tokenbudget /data
USER tokenbudget
WORKDIR /data
ENV PYTHONUNBUFFERED=1 TOKENBUDGET_HOME=/data
VOLUME /data
EXPOSE 8321 8322
CMD ["tokenbudget", "serve", "--host", "0.0.0.0", "--port", "8321"]
